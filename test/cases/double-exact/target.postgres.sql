CREATE TABLE t (id int PRIMARY KEY, d double precision);
