CREATE TABLE t (id int PRIMARY KEY, a interval, b interval);
