"""What commands say of the site's software."""

from __future__ import annotations

import subprocess
import sys


def test_the_doctor_makes_the_sites_software_ready(fw, fw_home, tmp_path):
    venv = tmp_path / "v"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    (tmp_path / "bad.sh").write_text("echo no licence >&2; return 1\n")
    fw_home.mkdir()
    (fw_home / "site.wcl").write_text(f"""
<environment_def>
    <astro>
        venv = {venv}
    </astro>
    <idl>
        setup = {tmp_path}/bad.sh
    </idl>
</environment_def>
<container_def>
    <calib>
        image = /none/calib.sif
    </calib>
</container_def>
""")
    said = fw("doctor", "--json")
    found = {each["what"]: (each["state"], each["found"]) for each in said.json}
    assert said.status == 3
    assert found["environment astro"] == ("ok", f"python {'.'.join(map(str, sys.version_info[:3]))}, in {venv}")
    why = f"environment idl cannot be made ready: {tmp_path}/bad.sh ended with status 1: no licence"
    assert found["environment idl"] == ("bad", why)
    assert found["container calib"] == ("bad", "there is no image /none/calib.sif")


def test_the_doctor_tells_a_definition_that_is_wrong(fw, fw_home):
    fw_home.mkdir()
    (fw_home / "site.wcl").write_text("<environment_def>\n<astro>\nvnev = /v\n</astro>\n</environment_def>\n")
    said = fw("doctor")
    assert said.status == 3
    assert "site.wcl:3: unknown key 'vnev'" in said.out


def test_check_tells_a_definition_that_is_wrong(fw, tmp_path):
    (tmp_path / "a.wcl").write_text("<container_def>\n<calib>\nbind = /x\n</calib>\n</container_def>\n")
    said = fw("check", "a.wcl")
    assert (said.status, "a.wcl:2: container 'calib' has no image" in said.out) == (1, True)


def test_the_schema_knows_the_keys_of_definitions(fw):
    known = fw("schema").json
    assert "venv" in known["$defs"]["environment_def"]["properties"]
    assert known["properties"]["container_def"]["additionalProperties"] == {"$ref": "#/$defs/container_def"}
