CREATE TABLE t (id INT NOT NULL AUTO_INCREMENT, g INT NOT NULL, PRIMARY KEY (g, id), KEY (id));
-- rows
INSERT INTO t (id, g) VALUES (0, 1), (1, 1), (1, 2), (-1, 2), (0, 0);
