CREATE TABLE t (a INT, v VARCHAR(10));
-- rows
INSERT INTO t VALUES (1, 'same'), (1, 'same'), (1, 'same'), (NULL, NULL), (NULL, NULL);
