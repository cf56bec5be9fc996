CREATE TABLE t (id int PRIMARY KEY, a numeric(65,30), b numeric(65), c numeric(30,30), d numeric(1), e numeric(10,2));
