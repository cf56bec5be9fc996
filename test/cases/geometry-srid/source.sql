CREATE TABLE t (id INT PRIMARY KEY, g GEOMETRY, p POINT NOT NULL);
-- rows
INSERT INTO t VALUES (1, ST_GeomFromText('POINT(10 20)', 4326), ST_GeomFromText('POINT(10 20)', 4326)), (2, ST_GeomFromText('POINT(1 2)', 3857), ST_GeomFromText('POINT(0 0)', 0)), (3, ST_GeomFromText('LINESTRING(1 2,3 4)', 4326), ST_GeomFromText('POINT(3 4)', 3857));
