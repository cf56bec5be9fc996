CREATE TABLE t (id int PRIMARY KEY, c varchar(8), v varchar(8), x text, b char(8));
