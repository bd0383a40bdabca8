; Installer of the agent's desktop: for one person, without administrator's rights; /S is silent, /D=FOLDER chooses the folder.
; Given by the build: EXE, VERSION, OUT, ICON, PICTURE.
Target amd64-unicode
Unicode true
!include "MUI2.nsh"

Name "热线座席工作台"
OutFile "${OUT}"
InstallDir "$LOCALAPPDATA\Programs\HotlineAgent"
InstallDirRegKey HKCU "Software\HotlineAgent" "Folder"
RequestExecutionLevel user
SetCompressor /SOLID lzma
BrandingText "热线座席工作台 ${VERSION}"
VIProductVersion "${VERSION}.0"
VIAddVersionKey /LANG=2052 "ProductName" "热线座席工作台"
VIAddVersionKey /LANG=2052 "FileVersion" "${VERSION}"
VIAddVersionKey /LANG=2052 "FileDescription" "热线座席工作台 安装程序"
VIAddVersionKey /LANG=2052 "LegalCopyright" ""

!define MUI_ICON "${ICON}"
!define MUI_UNICON "${ICON}"
; By this name the program notifies; Windows shows nothing of one that is not registered.
!define PROGRAM "Hotline.AgentDesktop"
!define NOTIFIES "Software\Classes\AppUserModelId\${PROGRAM}"
!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\HotlineAgent"
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "SimpChinese"
!insertmacro MUI_LANGUAGE "English"

Section
  SetOutPath "$INSTDIR"
  File "/oname=agent-desktop.exe" "${EXE}"
  File "/oname=hotline-agent.png" "${PICTURE}"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  CreateShortcut "$SMPROGRAMS\热线座席工作台.lnk" "$INSTDIR\agent-desktop.exe"
  CreateShortcut "$DESKTOP\热线座席工作台.lnk" "$INSTDIR\agent-desktop.exe"
  WriteRegStr HKCU "Software\HotlineAgent" "Folder" "$INSTDIR"
  WriteRegStr HKCU "${NOTIFIES}" "DisplayName" "热线座席工作台"
  WriteRegStr HKCU "${NOTIFIES}" "IconUri" "$INSTDIR\hotline-agent.png"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayName" "热线座席工作台"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayIcon" "$INSTDIR\agent-desktop.exe"
  WriteRegStr HKCU "${UNINSTALL}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKCU "${UNINSTALL}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKCU "${UNINSTALL}" "NoModify" 1
  WriteRegDWORD HKCU "${UNINSTALL}" "NoRepair" 1
SectionEnd

; Drafts and settings are the person's and stay.
Section "Uninstall"
  Delete "$INSTDIR\agent-desktop.exe"
  Delete "$INSTDIR\hotline-agent.png"
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR"
  Delete "$SMPROGRAMS\热线座席工作台.lnk"
  Delete "$DESKTOP\热线座席工作台.lnk"
  DeleteRegKey HKCU "${UNINSTALL}"
  DeleteRegKey HKCU "${NOTIFIES}"
  DeleteRegKey HKCU "Software\HotlineAgent"
SectionEnd
