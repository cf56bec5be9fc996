CREATE TABLE t (id int PRIMARY KEY, a varchar(10), b varchar(10), c varchar(10), d varchar(10));
