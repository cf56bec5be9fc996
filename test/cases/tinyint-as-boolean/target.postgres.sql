CREATE TABLE t (id int PRIMARY KEY, a smallint, b smallint NOT NULL);
