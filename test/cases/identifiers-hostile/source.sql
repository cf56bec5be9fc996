CREATE TABLE `t``a ble "x" 'y' \ */ --
?` (`select` INT, `from` INT, `a``b "c" 'd' \ */ -- # ?` VARCHAR(20), `new
line` VARCHAR(20), `tab	name` INT, `order` INT, `@v0` VARBINARY(4), `__proto__` INT, `constructor` INT, `%s` INT, `数据` INT, ` lead` INT, PRIMARY KEY (`select`, `a``b "c" 'd' \ */ -- # ?`));
-- rows
INSERT INTO `t``a ble "x" 'y' \ */ --
?` VALUES (1, 2, 'a', 'b', 3, 4, 0xFF00, 5, 6, 7, 8, 9), (1, 2, 'b', NULL, 3, 4, NULL, 5, 6, 7, 8, 9), (2, NULL, '', '', NULL, NULL, '', NULL, NULL, NULL, NULL, NULL);
