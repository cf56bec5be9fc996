CREATE TABLE t (a INT NULL, b VARCHAR(5) NULL, v INT, UNIQUE KEY (a, b));
-- rows
INSERT INTO t VALUES (NULL, NULL, 1), (NULL, NULL, 1), (NULL, 'x', 2), (NULL, 'x', 2), (1, NULL, 3), (1, NULL, 3), (1, 'x', 4), (2, 'x', 5), (2, '', 6);
