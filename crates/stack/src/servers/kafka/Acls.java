// Gives a broker the grants of a file in the words of kafka-acls.sh, all at once: that tool would start a JVM for each line,
// and is not among the jars that a broker needs. Whomever they name gets the password by SCRAM.
// Started as `java -cp … Acls.java BROKERS FILE PASSWORD`.

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.UserScramCredentialAlteration;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;

class Acls {
    public static void main(String[] arguments) throws Exception {
        var grants = new ArrayList<AclBinding>();
        for (var line : Files.readAllLines(Path.of(arguments[1]))) {
            if (!line.isBlank() && !line.startsWith("#")) {
                grants.addAll(grants(line.trim().split(" +")));
            }
        }
        try (var admin = Admin.create(Map.<String, Object>of("bootstrap.servers", arguments[0]))) {
            admin.createAcls(grants).all().get();
            admin.alterUserScramCredentials(passwords(grants, arguments[2])).all().get();
        }
    }

    static List<UserScramCredentialAlteration> passwords(List<AclBinding> grants, String password) {
        var how = new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096);
        return grants.stream()
                .map(grant -> grant.entry().principal().substring("User:".length()))
                .distinct()
                .<UserScramCredentialAlteration>map(user -> new UserScramCredentialUpsertion(user, how, password))
                .toList();
    }

    static List<AclBinding> grants(String[] words) {
        var user = "";
        var operation = AclOperation.UNKNOWN;
        var pattern = PatternType.LITERAL;
        var grants = new ArrayList<AclBinding>();
        for (int at = 0; at + 1 < words.length; at += 2) {
            var value = words[at + 1];
            switch (words[at]) {
                case "--allow-principal" -> user = value;
                case "--operation" -> operation = AclOperation.fromString(value.toUpperCase());
                case "--resource-pattern-type" -> pattern = PatternType.fromString(value.toUpperCase());
                case "--topic" -> grants.add(grant(ResourceType.TOPIC, value, pattern, user, operation));
                case "--group" -> grants.add(grant(ResourceType.GROUP, value, pattern, user, operation));
                default -> throw new IllegalArgumentException(words[at]);
            }
        }
        return grants;
    }

    static AclBinding grant(ResourceType type, String name, PatternType pattern, String user, AclOperation operation) {
        var entry = new AccessControlEntry(user, "*", operation, AclPermissionType.ALLOW);
        return new AclBinding(new ResourcePattern(type, name, pattern), entry);
    }
}
