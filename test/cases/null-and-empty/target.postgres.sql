CREATE TABLE t (id int PRIMARY KEY, v varchar(9), x text, b bytea, i int, s text);
