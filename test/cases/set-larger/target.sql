CREATE TABLE t (id INT PRIMARY KEY, s SET('a','b','c'));
