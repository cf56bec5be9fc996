CREATE TABLE t (id int PRIMARY KEY, n numeric);
-- rows
INSERT INTO t VALUES (1, 1.50), (2, 1.5), (3, 'NaN'), (4, 'Infinity'), (5, '-Infinity'), (6, 1e-400), (7, 1e400), (8, NULL), (9, -0.0);
