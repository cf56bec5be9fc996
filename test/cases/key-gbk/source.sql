CREATE TABLE t (k VARCHAR(10) CHARACTER SET gbk PRIMARY KEY, v INT);
-- rows
INSERT INTO t VALUES ('数', 0), ('据', 1), ('a', 2), ('運', 3), ('表', 4), ('啊', 5);
