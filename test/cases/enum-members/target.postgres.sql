CREATE TABLE t (id int PRIMARY KEY, e text, f text NOT NULL);
