CREATE TABLE t (id int PRIMARY KEY, f real);
