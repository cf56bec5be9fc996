CREATE TABLE t (id INT PRIMARY KEY, j JSON);
-- rows
INSERT INTO t VALUES (1, '{}'), (2, '[]'), (3, 'null'), (4, NULL), (5, '{"a": 1, "b": [true, false, null, -1.5]}'), (6, '"text with \\"quotes\\", tab \\t and \\\\ "'),
 (7, '{"数据": "📦"}'), (8, '[[[[[[[[[[1]]]]]]]]]]'), (9, '0'), (10, '""');
