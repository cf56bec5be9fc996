CREATE TABLE t (id int PRIMARY KEY, s text, x text NOT NULL);
