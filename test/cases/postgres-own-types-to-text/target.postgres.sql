CREATE TABLE t (id int PRIMARY KEY, i text, n text, a text, r text, e text, u varchar(36), b text);
