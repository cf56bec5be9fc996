CREATE TABLE t (id INT PRIMARY KEY, s SET('a','','b'), n INT AS (s + 0));
-- rows
INSERT INTO t (id, s) VALUES (0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, 7), (8, NULL);
