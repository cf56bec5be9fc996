CREATE TABLE t (id INT PRIMARY KEY,
  from_binary VARBINARY(4),
  from_blob LONGBLOB,
  from_bit BIT(20));
