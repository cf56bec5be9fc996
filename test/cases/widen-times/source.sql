CREATE TABLE t (id INT PRIMARY KEY,
  from_datetime DATETIME,
  from_time TIME(2),
  from_date DATE,
  from_timestamp TIMESTAMP(3) NULL,
  from_datetime_to_text DATETIME(3));
-- rows
INSERT INTO t VALUES
 (1, '2024-01-02 03:04:05', '-838:59:59.00', '2024-02-29', '2024-10-27 01:30:00.123', '2024-02-29 01:02:03.450'),
 (2, '0000-00-00 00:00:00', '01:02:03.45', '0000-00-00', NULL, NULL),
 (3, NULL, NULL, '2024-05-00', NULL, NULL);
