CREATE TABLE t (k INT NULL, v VARCHAR(10), UNIQUE KEY (k));
-- rows
INSERT INTO t VALUES (NULL, 'a'), (NULL, 'a'), (NULL, 'b'), (0, 'zero'), (1, 'one'), (-5, NULL), (NULL, NULL);
