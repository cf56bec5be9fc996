CREATE TABLE t (id int PRIMARY KEY, c varchar(2), v varchar(300), x text);
