CREATE TABLE t (id INT PRIMARY KEY,
  from_datetime DATETIME(6),
  from_time TIME(6),
  from_date DATETIME,
  from_timestamp DATETIME(3),
  from_datetime_to_text VARCHAR(30));
