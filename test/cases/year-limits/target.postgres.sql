CREATE TABLE t (id int PRIMARY KEY, y smallint);
