CREATE TABLE t (id int PRIMARY KEY, d date, dt timestamp);
