CREATE TABLE t (id INT PRIMARY KEY,
  from_binary BINARY(4),
  from_blob VARBINARY(8),
  from_bit BIT(8));
-- rows
INSERT INTO t VALUES
 (1, 0x00FF5C0A, 0x00FF5C0A, b'1'),
 (2, 'ab', '', b'11111111'),
 (3, NULL, NULL, 0x09);
