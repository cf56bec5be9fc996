CREATE TABLE t (id int PRIMARY KEY, ts timestamptz, dt timestamp);
