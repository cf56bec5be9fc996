CREATE TABLE t (id int PRIMARY KEY, f double precision, r real);
-- rows
INSERT INTO t VALUES (1, 'NaN', 'NaN'), (2, 'Infinity', 'Infinity'), (3, '-Infinity', '-Infinity'), (4, '-0', '-0'), (5, 5e-324, 1e-45), (6, 0, 0);
