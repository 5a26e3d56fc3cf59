# Reads what the registry cannot say, in one process, and prints one JSON object.
# Reads only. No names, paths, serial numbers, addresses or event texts are put into the answer.
# Numbers, GUIDs and enumerations only: every text of Windows is translated.
param([ValidateSet('online', 'offline', 'none')][string]$Search = 'none')
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
[Console]::OutputEncoding = New-Object Text.UTF8Encoding $false
$Answer = [ordered]@{}

function Part([string]$Name, [scriptblock]$Body) {
    try { $script:Answer[$Name] = @{ ok = $true; value = (& $Body) } }
    catch {
        $code = if ($_.Exception.HResult) { $_.Exception.HResult } else { -1 }
        if ($_.Exception.ErrorData -and $_.Exception.ErrorData.HResult) { $code = $_.Exception.ErrorData.HResult }
        $script:Answer[$Name] = @{ ok = $false; hresult = ('0x{0:X8}' -f $code) }
    }
}

function Wire($Date) {
    if ($null -eq $Date) { return $null }
    ([datetime]$Date).ToUniversalTime().ToString('yyyy-MM-ddTHH:mm:ssZ', [Globalization.CultureInfo]::InvariantCulture)
}

Part 'computer' {
    $os = Get-CimInstance Win32_OperatingSystem -Property ProductType, LastBootUpTime
    $pc = Get-CimInstance Win32_ComputerSystem -Property PartOfDomain, PCSystemType, Model, HypervisorPresent
    @{ product_type = [int]$os.ProductType; boot_at = (Wire $os.LastBootUpTime); domain = [bool]$pc.PartOfDomain
        system_type = [int]$pc.PCSystemType; virtual = ($pc.Model -match 'Virtual|VMware|KVM|QEMU|HVM') }
}

Part 'updates_client' {
    $results = (New-Object -ComObject Microsoft.Update.AutoUpdate).Results
    $history = @((New-Object -ComObject Microsoft.Update.Session).CreateUpdateSearcher().QueryHistory(0, 200) | ForEach-Object {
            $kb = if ($_.Title -match 'KB(\d{6,8})') { $Matches[1] } else { $null }
            if ($_.Date) { @{ operation = [int]$_.Operation; result = [int]$_.ResultCode; at = (Wire $_.Date); kb = $kb } }
        })
    @{ last_search = (Wire $results.LastSearchSuccessDate); history = $history
        reboot = [bool](New-Object -ComObject Microsoft.Update.SystemInfo).RebootRequired }
}

if ($Search -ne 'none') {
    Part 'updates_pending' {
        $searcher = (New-Object -ComObject Microsoft.Update.Session).CreateUpdateSearcher()
        $searcher.Online = ($Search -eq 'online')
        $found = $searcher.Search("IsInstalled=0 and IsHidden=0 and Type='Software'").Updates
        , @($found | ForEach-Object {
                @{ kb = @($_.KBArticleIDs)[0]; severity = [string]$_.MsrcSeverity
                    categories = @($_.Categories | ForEach-Object { [string]$_.CategoryID })
                    released = (Wire $_.LastDeploymentChangeTime); optional = [bool]$_.BrowseOnly
                    downloaded = [bool]$_.IsDownloaded; reboot = [int]$_.InstallationBehavior.RebootBehavior }
            })
    }
}

Part 'security_center' {
    , @(Get-CimInstance -Namespace root/SecurityCenter2 -ClassName AntiVirusProduct | ForEach-Object {
            @{ name = [string]$_.displayName; state = [long]$_.productState }
        })
}

Part 'defender' {
    $s = Get-CimInstance -Namespace root/Microsoft/Windows/Defender -ClassName MSFT_MpComputerStatus
    @{ mode = [string]$s.AMRunningMode; realtime = [bool]$s.RealTimeProtectionEnabled; enabled = [bool]$s.AntivirusEnabled
        tamper = [bool]$s.IsTamperProtected; signature_age = [long]$s.AntivirusSignatureAge
        signatures_at = (Wire $s.AntivirusSignatureLastUpdated); outdated = [bool]$s.DefenderSignaturesOutOfDate
        quick_scan_age = [long]$s.QuickScanAge }
}

Part 'exclusions' {
    $p = Get-MpPreference
    $paths = @($p.ExclusionPath | Where-Object { $_ -and $_ -notlike 'N/A*' })
    @{ paths = $paths.Count; extensions = @($p.ExclusionExtension | Where-Object { $_ }).Count
        processes = @($p.ExclusionProcess | Where-Object { $_ }).Count
        whole_drive = [bool](@($paths | Where-Object { $_ -match '^[A-Za-z]:\\?\*?$' }).Count)
        readable = -not [bool](@($p.ExclusionPath | Where-Object { $_ -like 'N/A*' }).Count) }
}

Part 'firewall' {
    @{ service = ((Get-CimInstance Win32_Service -Filter "Name='MpsSvc'").State -eq 'Running')
        profiles = @(Get-NetFirewallProfile -PolicyStore ActiveStore | ForEach-Object {
                @{ name = ([string]$_.Name).ToLowerInvariant(); enabled = [int]$_.Enabled; inbound = [int]$_.DefaultInboundAction }
            })
        categories = @(Get-NetConnectionProfile | ForEach-Object { [int]$_.NetworkCategory }) }
}

Part 'volumes_encryption' {
    $space = 'root/CIMV2/Security/MicrosoftVolumeEncryption'
    , @(Get-CimInstance -Namespace $space -ClassName Win32_EncryptableVolume | ForEach-Object {
            $volume = $_
            $ids = @((Invoke-CimMethod $volume -MethodName GetKeyProtectors -Arguments @{ KeyProtectorType = [uint32]0 }).VolumeKeyProtectorID)
            @{ type = [int]$volume.VolumeType; protection = [int]$volume.ProtectionStatus
                conversion = [int](Invoke-CimMethod $volume -MethodName GetConversionStatus).ConversionStatus
                method = [int](Invoke-CimMethod $volume -MethodName GetEncryptionMethod).EncryptionMethod
                protectors = @($ids | Where-Object { $_ } | ForEach-Object {
                        [int](Invoke-CimMethod $volume -MethodName GetKeyProtectorType -Arguments @{ VolumeKeyProtectorID = $_ }).KeyProtectorType
                    }) }
        })
}

Part 'tpm' {
    $tpm = Get-CimInstance -Namespace root/CIMV2/Security/MicrosoftTpm -ClassName Win32_Tpm
    if ($null -eq $tpm) { @{ present = $false } } else { @{ present = $true; version = ([string]$tpm.SpecVersion -split ',')[0].Trim() } }
}

Part 'secure_boot' { [bool](Confirm-SecureBootUEFI) }

Part 'accounts' {
    , @(Get-CimInstance Win32_UserAccount -Filter 'LocalAccount=True' | ForEach-Object {
            @{ rid = [long](([string]$_.SID -split '-')[-1]); disabled = [bool]$_.Disabled; password_required = [bool]$_.PasswordRequired }
        })
}

Part 'sign_ins' {
    , @(Get-LocalUser | ForEach-Object { @{ rid = [long](([string]$_.SID -split '-')[-1]); at = (Wire $_.LastLogon) } })
}

Part 'administrators' {
    $counts = @{ local = 0; domain = 0; entra = 0; unresolved = 0 }
    $machine = ([string](Get-CimInstance Win32_UserAccount -Filter 'LocalAccount=True' | Select-Object -First 1).SID) -replace '-\d+$', ''
    $name = (New-Object Security.Principal.SecurityIdentifier 'S-1-5-32-544').Translate([Security.Principal.NTAccount]).Value.Split('\')[-1]
    foreach ($member in ([ADSI]"WinNT://./$name,group").psbase.Invoke('Members')) {
        $bytes = $member.GetType().InvokeMember('objectSid', 'GetProperty', $null, $member, $null)
        $sid = (New-Object Security.Principal.SecurityIdentifier ($bytes, 0)).Value
        if ($sid -like 'S-1-12-1-*') { $counts.entra++ }
        elseif ($sid -like "$machine-*") { $counts.local++ }
        elseif ($sid -like 'S-1-5-21-*') { $counts.domain++ }
        else { $counts.unresolved++ }
    }
    $counts
}

Part 'disks' {
    , @(Get-CimInstance -Namespace root/Microsoft/Windows/Storage -ClassName MSFT_PhysicalDisk | Where-Object { $_.BusType -ne 7 } | ForEach-Object {
            $wear = $null; $hours = $null
            try { $c = $_ | Get-StorageReliabilityCounter; $wear = $c.Wear; $hours = $c.PowerOnHours } catch { }
            @{ media = [int]$_.MediaType; bus = [int]$_.BusType; health = [int]$_.HealthStatus; wear = $wear; hours = $hours }
        })
}

Part 'volumes' {
    $system = $env:SystemDrive
    , @(Get-CimInstance Win32_LogicalDisk -Filter 'DriveType=3' | ForEach-Object {
            @{ system = ($_.DeviceID -eq $system); size = [long]$_.Size; free = [long]$_.FreeSpace }
        })
}

Part 'virtual_disks' {
    , @(Get-CimInstance -Namespace root/Microsoft/Windows/Storage -ClassName MSFT_VirtualDisk | ForEach-Object { [int]$_.HealthStatus })
}

Part 'batteries' {
    , @(Get-CimInstance Win32_Battery | ForEach-Object {
            @{ status = [int]$_.BatteryStatus; charge = [int]$_.EstimatedChargeRemaining; minutes = [long]$_.EstimatedRunTime }
        })
}

Part 'listening' {
    , @(Get-NetTCPConnection -State Listen | Where-Object { $_.LocalAddress -notlike '127.*' -and $_.LocalAddress -ne '::1' } |
            ForEach-Object { [int]$_.LocalPort } | Sort-Object -Unique)
}

Part 'smb' {
    $s = Get-SmbServerConfiguration
    $shares = @(Get-SmbShare -Special $false)
    $open = @($shares | Where-Object { Get-SmbShareAccess -Name $_.Name | Where-Object {
                $_.AccessControlType -eq 0 -and $_.AccessRight -ne 1 -and
                (New-Object Security.Principal.NTAccount $_.AccountName).Translate([Security.Principal.SecurityIdentifier]).Value -eq 'S-1-1-0' } })
    @{ smb1 = [bool]$s.EnableSMB1Protocol; signing = [bool]$s.RequireSecuritySignature; shares = $shares.Count; open = $open.Count }
}

Part 'services' {
    $known = 'ekrn', 'EPSecurityService', 'SAVService', 'ntrtscan', 'SentinelAgent', 'CSFalconService', 'cyserver', 'WinDefend',
    'TeamViewer', 'AnyDesk', 'RustDesk', 'SplashtopRemoteService', 'LogMeIn', 'SupremoService', 'Mesh Agent', 'tacticalrmm',
    'AteraAgent', 'NinjaRMMAgent', 'Windows Agent Service', 'VeeamEndpointBackupSvc', 'AcrSch2Svc', 'wuauserv', 'SCardSvr',
    'tvnserver', 'uvnc_service', 'vncserver', 'hurukai'
    $map = @{}
    Get-CimInstance Win32_Service -Property Name, State, StartMode | Where-Object { $known -contains $_.Name -or $_.Name -like 'AVP*' -or
        $_.Name -like 'ScreenConnect Client*' -or $_.Name -like 'KA*Kaseya*' } | ForEach-Object {
        $name = if ($_.Name -like 'AVP*') { 'AVP' } elseif ($_.Name -like 'ScreenConnect*') { 'ScreenConnect' } else { $_.Name }
        $map[$name] = @{ state = [string]$_.State; start = [string]$_.StartMode }
    }
    $map
}

Part 'server_backup' {
    if (-not (Get-Command Get-WBSummary -ErrorAction SilentlyContinue)) { return $null }
    $w = Get-WBSummary
    @{ last = (Wire $w.LastBackupTime); last_ok = (Wire $w.LastSuccessfulBackupTime); hresult = [long]$w.LastBackupResultHR
        versions = [int]$w.NumberOfVersions; running = ([int]$w.CurrentOperationStatus -ne 0) }
}

Part 'veeam_agent' {
    if (-not (Get-WinEvent -ListLog 'Veeam Agent' -ErrorAction SilentlyContinue)) { return $null }
    try {
        , @(Get-WinEvent -FilterHashtable @{ LogName = 'Veeam Agent'; Id = 190 } -MaxEvents 60 | ForEach-Object {
                @{ at = (Wire $_.TimeCreated); level = [int]$_.Level }
            })
    }
    catch { if ($_.FullyQualifiedErrorId -like 'NoMatchingEventsFound*') { , @() } else { throw } }
}

Part 'esu' {
    $ids = 'f520e45e-7413-4a34-a497-d2765967d094', '1043add5-23b1-4afb-9a0f-64343c8f3f8d', '83d49986-add3-41d7-ba33-87c7bfb5c0fb'
    $filter = ($ids | ForEach-Object { "ID='$_'" }) -join ' OR '
    [bool](Get-CimInstance SoftwareLicensingProduct -Filter "LicenseStatus=1 AND ($filter)" -Property ID)
}

Part 'readers' { @(Get-PnpDevice -Class SmartCardReader -PresentOnly -ErrorAction SilentlyContinue).Count }

ConvertTo-Json -InputObject $Answer -Depth 6 -Compress
