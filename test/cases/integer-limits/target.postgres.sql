CREATE TABLE t (id int PRIMARY KEY, t1 smallint, t1u smallint, s smallint, su int, m int, mu int, i int, iu bigint, b bigint, bu numeric(20));
