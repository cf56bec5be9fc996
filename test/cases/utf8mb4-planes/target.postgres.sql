CREATE TABLE t (id int PRIMARY KEY, c varchar(20), v varchar(200), x text);
