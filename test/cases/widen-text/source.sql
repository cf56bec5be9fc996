CREATE TABLE t (id INT PRIMARY KEY,
  from_varchar VARCHAR(20),
  from_char CHAR(20),
  from_text TINYTEXT,
  from_enum ENUM('a','2','1'),
  from_json JSON);
-- rows
INSERT INTO t VALUES
 (1, 'a ', 'a', 'a ', 'a', '{"a": 1}'),
 (2, '', '', '', '2', '[]'),
 (3, '数据', '数据', REPEAT('x', 255), '1', NULL),
 (4, NULL, NULL, NULL, NULL, NULL);
