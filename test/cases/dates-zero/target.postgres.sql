CREATE TABLE t (id int PRIMARY KEY, d date, dt timestamp(3), ts timestamptz, n date);
