CREATE TABLE t (id INT PRIMARY KEY, x TEXT, j JSON, FULLTEXT KEY (x), KEY ((CAST(j->>'$.a' AS UNSIGNED)))) ROW_FORMAT=COMPRESSED;
-- rows
INSERT INTO t VALUES (1, 'one two', '{"a": 1}'), (2, NULL, '{"a": 2}');
