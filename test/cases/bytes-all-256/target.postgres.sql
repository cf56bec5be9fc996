CREATE TABLE t (id int PRIMARY KEY, b bytea, v bytea, tb bytea, bl bytea, mb bytea, lb bytea);
