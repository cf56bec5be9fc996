CREATE TABLE t (id INT PRIMARY KEY, f FLOAT, d DOUBLE);
-- rows
INSERT INTO t VALUES (1, -0e0, -0e0), (2, 0, 0), (3, -1e-320 * 1e-10, -1e-320 * 1e-10);
