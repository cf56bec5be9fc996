CREATE TABLE t (id INT PRIMARY KEY, a INT CHECK (a > 0), b VARCHAR(10), CONSTRAINT c CHECK (b <> '' OR a = 1));
-- rows
INSERT INTO t VALUES (1, 1, ''), (2, 5, 'x'), (3, NULL, NULL);
