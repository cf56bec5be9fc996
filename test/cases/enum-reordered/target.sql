CREATE TABLE t (id INT PRIMARY KEY, e ENUM('c','x','b','a'));
