CREATE TABLE t (id INT PRIMARY KEY, j JSON);
-- rows
INSERT INTO t VALUES (1, '{"b":1, "a":1.00,"a":2}'), (2, ' [1 , 2] '), (3, '1e2'), (4, '123456789012345678901234567890.123456789'), (5, '"\\u00e9"'), (6, '-0');
