CREATE TABLE t (id int PRIMARY KEY, b bytea, v bytea);
