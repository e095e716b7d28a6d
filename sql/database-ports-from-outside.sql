-- title: Database ports from outside
-- meaning: flows from addresses of the internet to ports of databases and caches, accepted and refused
-- theme: suspicious
-- fields: action, protocol, srcaddr, dstaddr, dstport, bytes
-- param: top integer 20: rows at most
SELECT dstport,
       service_name(dstport, 6) AS service,
       dstaddr,
       action,
       count(*)                 AS flows,
       count(DISTINCT srcaddr)  AS sources,
       sum(bytes)               AS bytes
FROM flow_logs
WHERE protocol = 6
  AND dstport IN (1433, 1521, 3306, 5432, 5439, 6379, 6380, 7000, 9042, 9200, 9300, 11211, 27017, 27018)
  AND NOT is_private(srcaddr)
GROUP BY dstport, dstaddr, action
ORDER BY action, flows DESC, dstport, dstaddr
LIMIT $top
