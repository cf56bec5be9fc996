CREATE TABLE t (id INT PRIMARY KEY, e ENUM('a','2','1','it''s','"','x y','数据','10','0'), f ENUM('','b') NOT NULL) DEFAULT CHARSET=utf8mb4;
-- rows
INSERT INTO t VALUES (1, 'a', ''), (2, '2', 'b'), (3, '1', 'b'), (4, 'it''s', 'b'), (5, '"', 'b'), (6, 'x y', 'b'), (7, '数据', ''), (8, '10', ''), (9, '0', ''), (10, NULL, '');
