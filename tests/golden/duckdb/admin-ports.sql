-- has: 8443 | pcsync-https | ACCEPT
-- lacks: 8444
SELECT dstport, service(dstport, 6), action, srcaddr, dstaddr, count(*), sum(packets), sum(bytes) b FROM vpc
WHERE protocol = 6 AND list_contains([22, 23, 135, 445, 3389, 5900, 5985, 5986, 8080, 8443, 10000], dstport)
GROUP BY dstport, action, srcaddr, dstaddr ORDER BY b DESC, dstport, action, srcaddr, dstaddr LIMIT 20
