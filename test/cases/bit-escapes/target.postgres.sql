CREATE TABLE t (id int PRIMARY KEY, a bytea, b bytea, c bytea NOT NULL);
