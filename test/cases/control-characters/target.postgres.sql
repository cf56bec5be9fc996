CREATE TABLE t (id int PRIMARY KEY, v varchar(60), c char(3), x text);
