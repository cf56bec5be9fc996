CREATE TABLE t (id INT PRIMARY KEY,
  varchar VARCHAR(20),
  char CHAR(20),
  text TINYTEXT,
  enum ENUM('a','2','1'),
  json JSON);
-- rows
INSERT INTO t VALUES
 (1, 'a ', 'a', 'a ', 'a', '{"a": 1}'),
 (2, '', '', '', '2', '[]'),
 (3, '数据', '数据', REPEAT('x', 255), '1', NULL),
 (4, NULL, NULL, NULL, NULL, NULL);
