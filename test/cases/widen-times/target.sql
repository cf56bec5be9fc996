CREATE TABLE t (id INT PRIMARY KEY,
  datetime DATETIME(6),
  time TIME(6),
  date DATETIME,
  timestamp DATETIME(3),
  datetime_to_text VARCHAR(30));
