CREATE TABLE b (id INT PRIMARY KEY, v VARCHAR(10), w INT); CREATE VIEW t AS SELECT id, CONCAT(v, '!') AS v, w + 1 AS n FROM b;
-- rows
INSERT INTO b VALUES (1, 'a', 1), (2, 'é', 2), (3, NULL, NULL);
