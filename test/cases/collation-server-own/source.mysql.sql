CREATE TABLE t (k VARCHAR(20) COLLATE utf8mb4_0900_ai_ci PRIMARY KEY, v TEXT COLLATE utf8mb4_0900_as_cs) DEFAULT CHARSET=utf8mb4;
-- rows
INSERT INTO t VALUES ('a', 'é'), ('b', 'É'), ('数', '据');
